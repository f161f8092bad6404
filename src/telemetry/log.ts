import { destination, pino, stdTimeFunctions, type Logger } from 'pino';

/** Structured lines on standard output, or in a file that is created with its folders. Secrets are never among the fields; these paths are a second net. */
export function createLog(options: {
  readonly level: string;
  readonly file: string | null;
  readonly role: string;
}): Logger {
  const stream = options.file === null ? destination(1) : destination({ dest: options.file, mkdir: true });
  return pino(
    {
      level: options.level,
      base: { role: options.role, pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      redact: ['*.password', '*.secretAccessKey', '*.sessionToken', 'headers.authorization'],
    },
    stream,
  );
}
