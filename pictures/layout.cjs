// Lays out graphs: a JSON array of DOT on standard input, the same number of layouts (Graphviz's JSON) on standard output.
"use strict";

const { readFileSync } = require("node:fs");
const { instance } = require("@viz-js/viz");

instance()
  .then((viz) => JSON.parse(readFileSync(0, "utf8")).map((dot) => viz.renderJSON(dot)))
  .then((layouts) => process.stdout.write(JSON.stringify(layouts)))
  .catch((error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
