// Loads a SavedModel as TensorFlow Serving does, with no Python: the same loader, the same tensorflow_text operations,
// XLA compilation disabled. Prints a line for each output of serving_default: its name, the dimensions of its shape,
// each after an x, and its values, strings in hexadecimal after an s.
//
//   loader SAVED_MODEL TEXT_OPERATIONS.so... -- TEXT...
#include <cstdio>
#include <string>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/platform/env.h"
#include "tensorflow/core/public/session.h"

namespace tensorflow {
void DisableXlaCompilation();
}

int Fail(const tensorflow::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

int Print(const std::string& name, const tensorflow::Tensor& tensor) {
  std::printf("%s ", name.c_str());
  for (const auto& dimension : tensor.shape()) std::printf("x%lld", static_cast<long long>(dimension.size));
  for (tensorflow::int64 i = 0; i < tensor.NumElements(); ++i) {
    switch (tensor.dtype()) {
      case tensorflow::DT_STRING:
        std::printf(" s");
        for (char byte : std::string(tensor.flat<tensorflow::tstring>()(i))) {
          std::printf("%02x", static_cast<unsigned char>(byte));
        }
        break;
      case tensorflow::DT_FLOAT: std::printf(" %.9g", tensor.flat<float>()(i)); break;
      case tensorflow::DT_INT32: std::printf(" %d", tensor.flat<tensorflow::int32>()(i)); break;
      case tensorflow::DT_BOOL: std::printf(" %d", static_cast<int>(tensor.flat<bool>()(i))); break;
      default: std::fprintf(stderr, "output %s has an unknown type\n", name.c_str()); return 1;
    }
  }
  std::printf("\n");
  return 0;
}

int main(int argc, char** argv) {
  tensorflow::DisableXlaCompilation();
  int position = 2;
  for (; position < argc && std::string(argv[position]) != "--"; ++position) {
    void* handle;
    auto status = tensorflow::Env::Default()->LoadDynamicLibrary(argv[position], &handle);
    if (!status.ok()) return Fail(status);
  }
  tensorflow::SavedModelBundle bundle;
  auto status = tensorflow::LoadSavedModel(tensorflow::SessionOptions(), tensorflow::RunOptions(), argv[1], {"serve"},
                                           &bundle);
  if (!status.ok()) return Fail(status);
  const auto& signature = bundle.GetSignatures().at("serving_default");
  const int rows = argc - position - 1;
  tensorflow::Tensor text(tensorflow::DT_STRING, tensorflow::TensorShape({rows}));
  for (int row = 0; row < rows; ++row) text.vec<tensorflow::tstring>()(row) = argv[position + 1 + row];
  std::vector<std::string> names, tensors;
  for (const auto& output : signature.outputs()) {
    names.push_back(output.first);
    tensors.push_back(output.second.name());
  }
  std::vector<tensorflow::Tensor> outputs;
  status = bundle.GetSession()->Run({{signature.inputs().at("text").name(), text}}, tensors, {}, &outputs);
  if (!status.ok()) return Fail(status);
  int failed = 0;
  for (size_t i = 0; i < names.size(); ++i) failed |= Print(names[i], outputs[i]);
  return failed;
}
