// json-rules-engine on the problem that benchmarks/peers/in_node.py writes: reads one JSON document on standard
// input, answers every question, then answers them all again for the clock. Writes the fired rules and the CPU time.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2]);
const { Engine } = require("json-rules-engine");

const { levels, patients, rounds } = JSON.parse(readFileSync(0, "utf8"));

function compiled(rules) {
  const engine = new Engine([], { allowUndefinedFacts: true });
  for (const [name, needed] of Object.entries(rules)) {
    const all = needed.map((flag) => ({ fact: flag, operator: "equal", value: 1 }));
    engine.addRule({ name, conditions: { all }, event: { type: name } });
  }
  return engine;
}

async function fire(engine, flags) {
  const facts = {};
  for (const flag of flags) facts[flag] = 1;
  const { events } = await engine.run(facts);
  return events.map((event) => event.type);
}

const engines = levels.map(compiled);

async function answer(questions) {
  const answers = [];
  for (let level = 0; level < engines.length; level++) {
    const [definite, possible] = questions[level];
    const sure = await fire(engines[level], definite);
    answers.push([sure, possible.length === definite.length ? sure : await fire(engines[level], possible)]);
  }
  return answers;
}

const answers = [];
for (const questions of patients) answers.push(await answer(questions));
let best = Infinity;
for (let round = 0; round < rounds; round++) {
  const start = process.cpuUsage();
  for (const questions of patients) await answer(questions);
  const used = process.cpuUsage(start);
  best = Math.min(best, (used.user + used.system) / 1e6);
}
process.stdout.write(JSON.stringify({ answers, seconds: best }));
