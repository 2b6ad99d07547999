import { openHome } from './home.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { ProcessTerminal, type Terminal } from './terminal.ts';
import type { ParleyClient } from '../../client/client.ts';
import type { HomeOptions } from './home.ts';

export interface GlobalOptions extends HomeOptions {
  readonly json?: boolean;
}

/** Whoever waits longer is told that nothing is forgotten. */
const PATIENCE_MS = 3_000;
const KEEP_PINS_MS_MAX = 2_000;

/** Whoever was met goes into the vault; what cannot be done now is done after the next verb. */
export async function keepPins(client: ParleyClient): Promise<void> {
  try {
    await client.vault.keepPins(KEEP_PINS_MS_MAX);
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
  }
}

/** Runs a verb's work with the client of the chosen home, and closes it. */
export type Run = (
  work: (client: ParleyClient, terminal: Terminal) => Promise<void>,
  /** Of a verb that is meant to go on for long. */
  options?: { readonly takesLong: boolean },
) => Promise<void>;

export function runWith(options: () => GlobalOptions, signal: AbortSignal): Run {
  return async (work, { takesLong } = { takesLong: false }) => {
    const given = options();
    const client = await openHome(given, process.env);
    const patience = takesLong
      ? undefined
      : setTimeout(() => terminal.note('still waiting for the cluster …'), PATIENCE_MS);
    const terminal = new ProcessTerminal(given.json === true, signal, () => clearTimeout(patience));
    try {
      await work(client, terminal);
      if (!takesLong) await keepPins(client);
    } finally {
      clearTimeout(patience);
      await client.close();
    }
  };
}
