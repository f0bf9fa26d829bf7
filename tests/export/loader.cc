// Loads a SavedModel as TensorFlow Serving does, with no Python: the same loader, the same tensorflow_text operations,
// XLA compilation disabled. Prints a line for each output of a signature, serving_default if none is named: its name, the
// dimensions of its shape, each after an x, and its values, strings in hexadecimal after an s. Inputs beside the text
// have values of type int, float or string, with commas between them.
//
//   loader SAVED_MODEL [signature=NAME] [input=NAME:TYPE:VALUES]... TEXT_OPERATIONS.so... -- TEXT...
#include <cstdio>
#include <sstream>
#include <string>
#include <utility>
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

// An input of the form NAME:TYPE:VALUES.
std::pair<std::string, tensorflow::Tensor> Input(const std::string& text) {
  const size_t first = text.find(':'), second = text.find(':', first + 1);
  const std::string type = text.substr(first + 1, second - first - 1);
  std::vector<std::string> values;
  std::istringstream stream(text.substr(second + 1) + ",");
  for (std::string value; std::getline(stream, value, ',');) values.push_back(value);
  const auto dtype = type == "int"     ? tensorflow::DT_INT32
                     : type == "float" ? tensorflow::DT_FLOAT
                                       : tensorflow::DT_STRING;
  tensorflow::Tensor tensor(dtype, tensorflow::TensorShape({static_cast<tensorflow::int64>(values.size())}));
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == tensorflow::DT_INT32) tensor.vec<tensorflow::int32>()(i) = std::stoi(values[i]);
    if (dtype == tensorflow::DT_FLOAT) tensor.vec<float>()(i) = std::stof(values[i]);
    if (dtype == tensorflow::DT_STRING) tensor.vec<tensorflow::tstring>()(i) = values[i];
  }
  return {text.substr(0, first), tensor};
}

int main(int argc, char** argv) {
  tensorflow::DisableXlaCompilation();
  int position = 2;
  std::string name = "serving_default";
  std::vector<std::pair<std::string, tensorflow::Tensor>> inputs;
  for (; position < argc && std::string(argv[position]) != "--"; ++position) {
    const std::string argument = argv[position];
    if (argument.rfind("signature=", 0) == 0) {
      name = argument.substr(10);
      continue;
    }
    if (argument.rfind("input=", 0) == 0) {
      inputs.push_back(Input(argument.substr(6)));
      continue;
    }
    void* handle;
    auto status = tensorflow::Env::Default()->LoadDynamicLibrary(argv[position], &handle);
    if (!status.ok()) return Fail(status);
  }
  tensorflow::SavedModelBundle bundle;
  auto status = tensorflow::LoadSavedModel(tensorflow::SessionOptions(), tensorflow::RunOptions(), argv[1], {"serve"},
                                           &bundle);
  if (!status.ok()) return Fail(status);
  const auto& signature = bundle.GetSignatures().at(name);
  const int rows = argc - position - 1;
  tensorflow::Tensor text(tensorflow::DT_STRING, tensorflow::TensorShape({rows}));
  for (int row = 0; row < rows; ++row) text.vec<tensorflow::tstring>()(row) = argv[position + 1 + row];
  std::vector<std::string> names, tensors;
  for (const auto& output : signature.outputs()) {
    names.push_back(output.first);
    tensors.push_back(output.second.name());
  }
  inputs.emplace_back("text", text);
  for (auto& input : inputs) input.first = signature.inputs().at(input.first).name();
  std::vector<tensorflow::Tensor> outputs;
  status = bundle.GetSession()->Run(inputs, tensors, {}, &outputs);
  if (!status.ok()) return Fail(status);
  int failed = 0;
  for (size_t i = 0; i < names.size(); ++i) failed |= Print(names[i], outputs[i]);
  return failed;
}
