// Preloaded into jsii's Node process (fast_bindings.py). The index of the AWS provider requires each of its 2,100
// modules; here each becomes a getter that requires its module on first use. Only the text in memory changes, and only
// if the file looks as expected: otherwise it is compiled as it is.
"use strict";
const Module = require("node:module");

const INDEX = /[\\/]provider-aws[\\/]lib[\\/]index\.js$/;
const EAGER = /^exports\.(\w+) = require\("(\.\/[\w-]+)"\);$/gm;
const LAZY = 'Object.defineProperty(exports, "$1", { enumerable: true, configurable: true, get: () => require("$2") });';

const compile = Module.prototype._compile;
Module.prototype._compile = function (content, filename, ...rest) {
  return compile.call(this, INDEX.test(filename) ? content.replace(EAGER, LAZY) : content, filename, ...rest);
};
