// Tests import modules of the builder by themselves, without "softonnx", which makes these known.
import "../src/builder/every.ts";
import "../src/grad/rules/every.ts";
