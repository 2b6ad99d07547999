import { openHome } from './home.ts';
import { Terminal } from './terminal.ts';
import type { ParleyClient } from '../../client/client.ts';
import type { HomeOptions } from './home.ts';

export interface GlobalOptions extends HomeOptions {
  readonly json?: boolean;
}

/** Runs a verb's work with the client of the chosen home, and closes it. */
export type Run = (work: (client: ParleyClient, terminal: Terminal) => Promise<void>) => Promise<void>;

export function runWith(options: () => GlobalOptions, signal: AbortSignal): Run {
  return async (work) => {
    const given = options();
    const client = await openHome(given, process.env);
    try {
      await work(client, new Terminal(given.json === true, signal));
    } finally {
      await client.close();
    }
  };
}
