/** `parley`: chat on the command line. */
import { reportFailure } from './failure.ts';
import { parleyProgram } from './parley/program.ts';
import { ParleyError } from '../protocol/errors.ts';

/** 128 and the signal's number, as shells have it. */
const SIGNAL_EXITS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** A verb that was told to end gets so long. */
const GRACE_MS = 500;

// Homes hold secret keys: what is made there is for its owner only.
process.umask(0o077);
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads the output has seen enough.
  if (error.code === 'EPIPE') process.exit(0);
  process.exit(reportFailure('parley', new ParleyError('internal', `The output cannot be written: ${error.message}`)));
});
process.stderr.on('error', () => {});

const stopping = new AbortController();
let exitCode: number | null = null;
for (const [signal, code] of Object.entries(SIGNAL_EXITS)) {
  process.on(signal, () => {
    exitCode = code;
    stopping.abort();
    setTimeout(() => process.exit(code), GRACE_MS).unref();
  });
}

try {
  await parleyProgram(stopping.signal).parseAsync();
  process.exitCode = exitCode ?? 0;
} catch (error) {
  process.exitCode = exitCode ?? reportFailure('parley', error);
}
