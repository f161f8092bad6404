#!/usr/bin/env node
/** The command: `daemon-scheduler [serve]` runs the scheduler, `daemon-scheduler simulator` a stand-in for ECS. */
const [command, ...rest] = process.argv.slice(2);

// The SDK's version is pinned: which Node it needs is for us to see to, and no news for whoever reads the log.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

async function run(): Promise<number> {
  if (command === 'simulator') return await (await import('../sim/simulator.ts')).runSimulator(rest);
  const { main } = await import('../src/main.ts');
  return await main(command === 'serve' ? rest : process.argv.slice(2), process.env);
}

process.exitCode = await run();
