import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination, pino, stdTimeFunctions, type Logger } from 'pino';

/** What waits while nothing can be written, as on a full disk; the newest lines are dropped beyond it. */
const WAITING_BYTES_MOST = 8 * 1024 * 1024;

/** The log file cannot be written. The message is for people. */
export class LogFileError extends Error {
  override readonly name = 'LogFileError';
}

/**
 * Structured lines on standard output, or in a file that is created with its folders. Secrets are never among the fields;
 * these paths are a second net. Throws a LogFileError; later failures are told on standard error, and the process goes on.
 */
export function createLog(options: {
  readonly level: string;
  readonly file: string | null;
  readonly role: string;
}): Logger {
  const stream = destination({
    // Opened here, as pino's own opening fails later and from nowhere.
    dest: options.file === null ? process.stdout.fd : open(options.file),
    minLength: 0,
    maxLength: WAITING_BYTES_MOST,
  });
  let failing = false;
  stream.on('error', (error: Error) => {
    if (!failing) process.stderr.write(`daemon-scheduler: cannot write the log (${error.message}); its lines wait\n`);
    failing = true;
  });
  stream.on('write', () => {
    failing = false;
  });
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

function open(file: string): number {
  try {
    mkdirSync(dirname(file), { recursive: true });
    return openSync(file, 'a');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LogFileError(`cannot write the log file ${file} (${why}); choose another with --log-file`, {
      cause: error,
    });
  }
}
