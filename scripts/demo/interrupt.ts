const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Somebody wants the demo to end: Ctrl-C, a closed terminal, a kill. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** As shells count: 128 and the number of the signal. */
  readonly exitCode: number;

  constructor(signal: keyof typeof EXIT_CODES) {
    super(`interrupted (${signal})`);
    this.exitCode = EXIT_CODES[signal];
  }
}

/** The first signal is told, so that all can be stopped in order; who sends a second one wants it to be over now. */
export function onInterrupt(tell: (interrupted: Interrupted) => void): void {
  let told = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const interrupted = new Interrupted(signal);
      if (told) process.exit(interrupted.exitCode);
      told = true;
      tell(interrupted);
    });
  }
}
