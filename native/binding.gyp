{
  "variables": {
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma", "-mprefer-vector-width=512"],
    "conditions": [
      ["target_arch=='x64'", {
        "kernel_targets": ["kernels_plain", "kernels_avx2", "kernels_avx512"],
        "kernel_defines": ["SOFTONNX_X64_KERNELS"]
      }, {
        "kernel_targets": ["kernels_plain"],
        "kernel_defines": []
      }]
    ]
  },
  "target_defaults": {
    "default_configuration": "Release",
    "cflags_cc": ["-std=c++17", "-O3", "-Wall", "-Wextra", "-fno-math-errno", "-fno-trapping-math"],
    "cflags": ["-fPIC", "-fvisibility=hidden"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "GCC_OPTIMIZATION_LEVEL": "3",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "OTHER_CPLUSPLUSFLAGS": ["-fno-math-errno", "-fno-trapping-math"]
    },
    "msvs_settings": {
      "VCCLCompilerTool": { "AdditionalOptions": ["/std:c++17"] }
    }
  },
  "targets": [
    {
      # Pure numerics. One such target for each instruction set, each naming itself; this one
      # is for what every processor of the architecture has, which on arm64 is NEON.
      "target_name": "kernels_plain",
      "type": "static_library",
      "sources": ["kernels/instruction_set.cpp"],
      "defines": ["SOFTONNX_ISA=plain"]
    },
    {
      # The operators and their C entry point, shared by the library and the addon.
      "target_name": "operators",
      "type": "static_library",
      "dependencies": ["<@(kernel_targets)"],
      "export_dependent_settings": ["<@(kernel_targets)"],
      "defines": ["<@(kernel_defines)"],
      "sources": [
        "kernels/dispatch.cpp",
        "kernels/processor.cpp",
        "library/interface.cpp",
        "library/register.cpp",
        "ops/curves.cpp",
        "ops/decay_sums.cpp",
        "ops/fast_soft_sort.cpp",
        "ops/isotonic.cpp",
        "ops/log_symmetric.cpp",
        "ops/neuralsort.cpp",
        "ops/operator.cpp",
        "ops/optimizer_steps.cpp",
        "ops/scratch.cpp",
        "ops/shapes.cpp",
        "ops/simplex_threshold.cpp",
        "ops/smooth_sort.cpp",
        "ops/softsort.cpp",
        "ops/sorting_network.cpp",
        "ops/standardization.cpp",
        "ops/swap_layers.cpp",
        "ops/tensors.cpp",
        "ops/transport.cpp"
      ],
      "cflags_cc!": ["-fno-exceptions"],
      "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES" },
      "msvs_settings": { "VCCLCompilerTool": { "ExceptionHandling": 1 } }
    },
    {
      # For hosts of ONNX Runtime other than Node: no Node in it.
      "target_name": "softonnx_ops",
      "type": "shared_library",
      "dependencies": ["operators"],
      "sources": ["library/entry.cpp"],
      "win_delay_load_hook": "false"
    },
    {
      "target_name": "softonnx",
      "type": "loadable_module",
      "dependencies": ["operators"],
      "sources": [
        "addon/addon.cpp",
        "addon/js.cpp",
        "addon/run.cpp",
        "addon/runtime.cpp",
        "addon/session.cpp",
        "addon/session_options.cpp",
        "addon/tensor.cpp"
      ],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc!": ["-fno-exceptions"],
      "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES" },
      "msvs_settings": { "VCCLCompilerTool": { "ExceptionHandling": 1 } },
      "conditions": [["OS=='linux'", { "libraries": ["-ldl"] }]]
    }
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "kernels_avx2",
          "type": "static_library",
          "sources": ["kernels/instruction_set.cpp"],
          "defines": ["SOFTONNX_ISA=avx2"],
          "cflags": ["-mavx2", "-mfma"],
          "xcode_settings": { "OTHER_CFLAGS": ["-mavx2", "-mfma"] },
          "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/arch:AVX2"] } }
        },
        {
          "target_name": "kernels_avx512",
          "type": "static_library",
          "sources": ["kernels/instruction_set.cpp"],
          "defines": ["SOFTONNX_ISA=avx512"],
          # GCC takes the undefined operands inside its own intrinsics for mistakes of ours; clang
          # does not know the second of these.
          "cflags": ["<@(avx512)", "-Wno-uninitialized", "-Wno-maybe-uninitialized", "-Wno-unknown-warning-option"],
          "xcode_settings": { "OTHER_CFLAGS": ["<@(avx512)"] },
          "msvs_settings": { "VCCLCompilerTool": { "AdditionalOptions": ["/arch:AVX512"] } }
        }
      ]
    }]
  ]
}
