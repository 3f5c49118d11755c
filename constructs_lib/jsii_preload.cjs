// Preloaded into jsii's Node process (fast_bindings.py). Only text in memory changes, and only where a file looks as
// expected: otherwise it is compiled as it is.
"use strict";
const Module = require("node:module");

const CHANGES = [
  {
    // The index of the AWS provider requires each of its 2,100 modules; here each becomes a getter that requires its
    // module on first use.
    file: /[\\/]provider-aws[\\/]lib[\\/]index\.js$/,
    from: /^exports\.(\w+) = require\("(\.\/[\w-]+)"\);$/gm,
    to: 'Object.defineProperty(exports, "$1", { enumerable: true, configurable: true, get: () => require("$2") });',
  },
  {
    // CDKTF remembers the whole call stack of every token. Called from Python, that is nothing but jsii's own frames.
    file: /[\\/]cdktf[\\/]lib[\\/]tokens[\\/]private[\\/]stack-trace\.js$/,
    from: /^function captureStackTrace\(below\) \{$/m,
    to: "$& return [];",
  },
];

const compile = Module.prototype._compile;
Module.prototype._compile = function (content, filename, ...rest) {
  const change = CHANGES.find(({ file }) => file.test(filename));
  return compile.call(this, change ? content.replace(change.from, change.to) : content, filename, ...rest);
};
