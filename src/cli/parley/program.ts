import { Command, Option } from 'commander';
import { BALANCES } from '../../client/choose-node.ts';
import { addAccountVerbs } from './verbs/account.ts';
import { addFactorVerbs } from './verbs/factors.ts';
import { addLoginVerbs } from './verbs/login.ts';
import { addLockVerbs } from './verbs/locks.ts';
import { addFileVerbs } from './verbs/files.ts';
import { addMessageVerbs } from './verbs/messages.ts';
import { addPeopleVerbs } from './verbs/people.ts';
import { addPresenceVerbs } from './verbs/presence.ts';
import { addRelationVerbs } from './verbs/relations.ts';
import { addRoomVerbs } from './verbs/rooms.ts';
import { addSearchVerb } from './verbs/search.ts';
import { packageVersion } from '../version.ts';
import { runWith } from './run.ts';
import { addExportVerb } from './export/verb.ts';
import { addBridgeVerb } from './bridge/verb.ts';
import { addRpcVerb } from './rpc/verb.ts';
import type { GlobalOptions, Run } from './run.ts';

const EXAMPLES = `
Examples:
  parley                                     the app; F1 shows its keys
  parley register ann                        an account on the local cluster
  parley send @bob "Hello Bob"               a direct message
  echo "long text" | parley send @bob -      from standard input
  parley file send @bob picture.jpg          a file of any kind
  parley read @bob --limit 20                the last 20 messages
  parley search lunch --room @bob            messages with a word that begins so
  parley react @bob 3 👍                     to message 3; reply, edit and delete take numbers too
  parley room create garden bob carl         a group
  parley export --all --out my-data          one’s rooms, files, profile and sessions, decrypted
  parley tail                                everything, live; moves on when a node dies
  parley who garden                          who of the room is there
  parley login ann                           on a second device: by password, or prints a code and waits
  parley devices approve CODE                on the first device

Several people on one machine take a home each (--home, or PARLEY_HOME). Every message is encrypted for the devices of
the room's members; nodes cannot read it.

Exit codes: 0 ok, 1 failed, 2 usage, 3 cannot connect, 4 no quorum, 5 not authorised, 6 not found, 7 conflict,
8 timed out, 130 interrupted.`;

/** @param signal aborts when the person wants to end */
export function parleyProgram(signal: AbortSignal): Command {
  const parley = new Command('parley')
    .description('Encrypted chat in the terminal: without a verb an app that has all of it, with one a command.')
    .option('--home <DIR>', 'keys, queue and memory of one device (default: $PARLEY_HOME, ~/.local/share/parley)')
    .option('--endpoint <URL[,URL…]>', 'nodes to talk to, tried in turn; remembered (default: the local cluster)')
    .addOption(
      new Option(
        '--balance <STRATEGY>',
        'which node to talk to, in place of a remembered order (default: least-loaded)',
      )
        .choices(BALANCES)
        .env('PARLEY_BALANCE'),
    )
    .option('--insecure-http', 'permit plain HTTP to other machines; remembered')
    .option('--json', 'print one JSON object per line')
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError('(parley --help, or parley VERB --help, says more)')
    .addHelpText('after', EXAMPLES)
    .action(() => openApp(parley, signal));
  const run = runWith(() => parley.opts<GlobalOptions>(), signal);
  addVerbs(parley, run);
  addExportVerb(parley, run);
  addBridgeVerb(parley, run);
  addRpcVerb(parley, run, addVerbs);
  // After the verbs, which would inherit it: for them, what is too much is an error.
  return parley.allowExcessArguments();
}

/** Without a verb: the full-screen app on a terminal, help anywhere else. */
async function openApp(parley: Command, signal: AbortSignal): Promise<void> {
  const [verb] = parley.args;
  if (verb !== undefined) parley.error(`error: unknown command '${verb}'`, { code: 'commander.unknownCommand' });
  const options = parley.opts<GlobalOptions>();
  if (!process.stdin.isTTY || !process.stdout.isTTY || options.json === true) parley.help({ error: true });
  // Verbs start without it.
  const { runApp } = await import('../terminal-app/run-app.ts');
  await runApp(options, signal);
}

/** Everything that one invocation, or one request of `parley rpc`, can ask for. */
function addVerbs(parley: Command, run: Run): void {
  addLoginVerbs(parley, run);
  addAccountVerbs(parley, run);
  addFactorVerbs(parley, run);
  addPeopleVerbs(parley, run);
  addPresenceVerbs(parley, run);
  addRoomVerbs(parley, run);
  addMessageVerbs(parley, run);
  addSearchVerb(parley, run);
  addFileVerbs(parley, run);
  addRelationVerbs(parley, run);
  addLockVerbs(parley, run);
}
