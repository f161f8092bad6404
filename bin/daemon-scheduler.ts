#!/usr/bin/env node
/** The command: `daemon-scheduler [serve]` runs the scheduler, `daemon-scheduler simulator` a stand-in for ECS. */
const [command, ...rest] = process.argv.slice(2);

async function run(): Promise<number> {
  if (command === 'simulator') return await (await import('../sim/simulator.ts')).runSimulator(rest);
  const { main } = await import('../src/main.ts');
  return await main(command === 'serve' ? rest : process.argv.slice(2), process.env);
}

process.exitCode = await run();
