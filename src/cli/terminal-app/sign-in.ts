import { ParleyError } from '../../protocol/errors.ts';
import { logIn, register } from '../parley/verbs/login.ts';
import type { ParleyClient } from '../../client/client.ts';
import type { Terminal } from '../parley/terminal.ts';

const APPROVAL_MS_MAX = 15 * 60_000;
const TRIES_MAX = 3;

/** Asks for a name, and makes an account or a further device of one, as `parley register` and `parley login` do. */
export async function signIn(client: ParleyClient, terminal: Terminal): Promise<void> {
  terminal.result(
    {},
    'Welcome to Parley. Nobody is signed in here yet (parley register NAME and parley login NAME do it, too).\n' +
      'What you write is encrypted on this machine; nodes cannot read it.\n',
  );
  for (let tries = 1; ; tries++) {
    try {
      await signInOnce(client, terminal);
      return;
    } catch (error) {
      if (!(error instanceof ParleyError) || terminal.signal.aborted || tries === TRIES_MAX) throw error;
      terminal.note(error.message);
    }
  }
}

async function signInOnce(client: ParleyClient, terminal: Terminal): Promise<void> {
  const choice = (await terminal.ask('1 makes a new account, 2 logs in with one you have: ')).trim();
  if (choice !== '1' && choice !== '2') throw new ParleyError('usage', 'Type 1 or 2.');
  const name = (await terminal.ask('Name: ')).trim().replace(/^@/, '');
  if (choice === '2') return logIn(client, terminal, name, { timeout: APPROVAL_MS_MAX });
  const invite = (await terminal.ask('Invitation (Enter where none is needed): ')).trim();
  await register(client, terminal, name, { password: true, ...(invite === '' ? {} : { invite }) });
  await terminal.ask('Enter opens the app: ');
}
