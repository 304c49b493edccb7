/** @type {import("jest").Config} */
module.exports = {
  rootDir: __dirname,
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  testEnvironment: "<rootDir>/test/environment.cjs",
  setupFiles: ["<rootDir>/test/every-operator.ts"],
  transform: {
    "\\.[jt]s$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2022" },
        module: { type: "commonjs" },
      },
    ],
  },
  // onnx-buf is published as ES modules without an entry for require.
  transformIgnorePatterns: ["/node_modules/(?!onnx-buf/)", "\\.node$"],
  moduleNameMapper: {
    "^softonnx$": "<rootDir>/src/index.ts",
    "^softonnx/node$": "<rootDir>/src/node.ts",
    "^softonnx/core$": "<rootDir>/src/core.ts",
    "^softonnx/core/soft$": "<rootDir>/src/ops/soft.ts",
    "^softonnx/core/(losses|optimizers)$": "<rootDir>/src/train/$1/index.ts",
    "^softonnx/web$": "<rootDir>/src/web.ts",
  },
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/out/", "<rootDir>/native/build/"],
  watchPathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/out/"],
  maxWorkers: 2,
  // Limits are for hangs: a busy machine is slow.
  testTimeout: 60_000,
  reporters: ["default", "<rootDir>/tools/totals-reporter.cjs"],
};
