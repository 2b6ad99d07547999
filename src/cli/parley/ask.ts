import { Writable } from 'node:stream';
import { createInterface } from 'node:readline/promises';

/**
 * Asks on standard error, so that results can go elsewhere, and reads one line of the keyboard.
 *
 * @param hidden what is typed is not shown
 * @param signal aborts when the person wants to end; then it rejects
 */
export async function askPerson(question: string, hidden: boolean, signal: AbortSignal): Promise<string> {
  if (hidden) process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: hidden ? silent : process.stderr, terminal: true });
  // In raw mode the keyboard's interrupt comes as a key.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await lines.question(hidden ? '' : question, { signal });
  } finally {
    lines.close();
    if (hidden) process.stderr.write('\n');
  }
}
