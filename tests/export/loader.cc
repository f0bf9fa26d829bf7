// Loads a SavedModel as TensorFlow Serving does, with no Python: the same loader, the same tensorflow_text operations,
// XLA compilation disabled. Prints for each row of serving_default the text in hexadecimal and the score.
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
  std::vector<tensorflow::Tensor> outputs;
  status = bundle.GetSession()->Run({{signature.inputs().at("text").name(), text}},
                                    {signature.outputs().at("text").name(), signature.outputs().at("score").name()}, {},
                                    &outputs);
  if (!status.ok()) return Fail(status);
  for (int row = 0; row < rows; ++row) {
    const tensorflow::tstring& answer = outputs[0].vec<tensorflow::tstring>()(row);
    for (size_t i = 0; i < answer.size(); ++i) std::printf("%02x", static_cast<unsigned char>(answer[i]));
    std::printf(" %.9g\n", outputs[1].vec<float>()(row));
  }
  return 0;
}
