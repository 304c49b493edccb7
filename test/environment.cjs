const { TestEnvironment } = require("jest-environment-node");

/**
 * Jest runs tests in a context that has typed arrays of its own. onnxruntime-node is native code
 * of the outer context: it refuses a Float32Array that is not the outer one, and returns outer
 * ones. So tests see the outer constructors.
 */
class OuterArrays extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    const typedArray = Object.getPrototypeOf(Uint8Array);
    for (const name of Object.getOwnPropertyNames(globalThis)) {
      const value = globalThis[name];
      if (typeof value === "function" && value.prototype instanceof typedArray) {
        this.global[name] = value;
      }
    }
    this.global.ArrayBuffer = ArrayBuffer;
    this.global.SharedArrayBuffer = SharedArrayBuffer;
    this.global.DataView = DataView;
  }
}

module.exports = OuterArrays;
