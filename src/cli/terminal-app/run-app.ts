import { ParleyError } from '../../protocol/errors.ts';
import { openHome } from '../parley/home.ts';
import { keepPins } from '../parley/run.ts';
import { ProcessTerminal } from '../parley/terminal.ts';
import { signIn } from './sign-in.ts';
import { TerminalApp } from './terminal-app.ts';
import type { HomeOptions } from '../parley/home.ts';

/** Opens the home, lets somebody in who is not yet, and runs the app until they leave. */
export async function runApp(options: HomeOptions, signal: AbortSignal): Promise<void> {
  const client = await openHome(options, process.env);
  try {
    const streams = { input: process.stdin, output: process.stdout };
    const open = (): Promise<TerminalApp> => TerminalApp.open(client, streams, process.env);
    const app = await open().catch(async (error: unknown) => {
      if (!(error instanceof ParleyError) || error.code !== 'unauthenticated') throw error;
      await signIn(client, new ProcessTerminal(false, signal));
      return open();
    });
    // Said on the terminal as it was before, not on a screen that goes with the app.
    const crashed = (error: unknown): void => app.fail(error);
    process.on('uncaughtException', crashed);
    await app.run(signal).finally(() => process.off('uncaughtException', crashed));
    await keepPins(client);
  } finally {
    await client.close();
  }
}
