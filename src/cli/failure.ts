import { CommanderError } from 'commander';
import { EXIT, ParleyError } from '../protocol/errors.ts';
import { printable } from './printable.ts';

/**
 * Says in one sentence on standard error why `program` failed.
 * @returns the exit code that stands for it
 */
export function reportFailure(program: string, error: unknown): number {
  // Commander has said already what was wrong with the command, or printed the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ParleyError) {
    // Nodes have a say in the sentence.
    process.stderr.write(`${program}: ${printable(error.message)} (${error.code})\n`);
    return error.exitCode;
  }
  process.stderr.write(`${program}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.failed;
}
