import { ParleyError } from '../../../protocol/errors.ts';
import { printable } from '../../printable.ts';
import { formatTable } from '../../table.ts';
import type { Command } from 'commander';
import type { Run } from '../run.ts';

/** How people show and find each other: profile, people, block, unblock, blocks; sessions. */
export function addPeopleVerbs(parley: Command, run: Run): void {
  addProfileVerbs(parley, run);
  addBlockVerbs(parley, run);
  addSessionVerbs(parley, run);
}

function addProfileVerbs(parley: Command, run: Run): void {
  const profile = parley
    .command('profile')
    .description('what somebody shows of themselves; nodes see it, as does everybody who is logged in')
    .argument('[name]', 'without it: oneself')
    .action((name: string | undefined) =>
      run(async (client, terminal) => {
        const shown = await client.directory.profile(name?.replace(/^@/, ''));
        const { account, displayName, status } = shown;
        const called = displayName === '' ? '' : ` (${displayName})`;
        terminal.result(shown, printable(`@${account}${called}${status === '' ? '' : `: ${status}`}`));
      }),
    );
  profile
    .command('set')
    .description('change it; what is not given stays, and an empty text is none')
    .option('--name <TEXT>', 'display name')
    .option('--status <TEXT>', 'status')
    .action((options: { readonly name?: string; readonly status?: string }) =>
      run(async (client, terminal) => {
        const { name: displayName, status } = options;
        if (displayName === undefined && status === undefined)
          throw new ParleyError('usage', 'Give --name or --status.');
        await client.directory.setProfile({
          ...(displayName === undefined ? {} : { displayName }),
          ...(status === undefined ? {} : { status }),
        });
        terminal.result({ state: 'changed' }, 'Changed.');
      }),
    );

  parley
    .command('people')
    .description('find people by how their name, or a word of their display name, begins')
    .argument('<query>')
    .action((query: string) =>
      run(async (client, terminal) => {
        for await (const person of client.directory.search(query.replace(/^@/, ''))) {
          const { account, displayName, status } = person;
          terminal.result(person, printable([`@${account}`, displayName, status].filter(Boolean).join('  ')));
        }
      }),
    );
}

function addBlockVerbs(parley: Command, run: Run): void {
  for (const [verb, isBlocked, description] of [
    ['block', true, 'take no direct messages and invitations of somebody'],
    ['unblock', false, 'take them again'],
  ] as const) {
    parley
      .command(verb)
      .description(description)
      .argument('<name>')
      .action((text: string) =>
        run(async (client, terminal) => {
          const account = text.replace(/^@/, '');
          await client.directory.setBlock(account, isBlocked);
          terminal.result({ account, blocked: isBlocked }, `@${account} is ${verb}ed.`);
        }),
      );
  }

  parley
    .command('blocks')
    .description('list whom one blocks')
    .action(() =>
      run(async (client, terminal) => {
        for await (const one of client.directory.blocked()) {
          terminal.result(one, `@${one.account}  since ${one.since}`);
        }
      }),
    );
}

function addSessionVerbs(parley: Command, run: Run): void {
  const sessions = parley
    .command('sessions')
    .description('list where one is logged in')
    .action(() =>
      run(async (client, terminal) => {
        const all = await client.directory.sessions();
        if (terminal.json) for (const one of all) terminal.result(one, '');
        else {
          const rows = all.map(({ session, device, createdAt, current }) => [
            session,
            device,
            createdAt,
            current ? 'this one' : '',
          ]);
          terminal.result({}, formatTable(['session', 'device', 'since', ''], rows));
        }
      }),
    );
  sessions
    .command('revoke')
    .description('end a session, and its live feeds on every node')
    .argument('[session]')
    .option('--others', 'all but this one')
    .action((session: string | undefined, { others }: { readonly others?: true }) =>
      run(async (client, terminal) => {
        if ((session === undefined) === (others === undefined)) {
          throw new ParleyError('usage', 'Name a session, or give --others.');
        }
        const ended =
          session === undefined
            ? (await client.directory.sessions()).filter(({ current }) => !current).map((one) => one.session)
            : [session];
        for (const one of ended) await client.directory.endSession(one);
        terminal.result({ ended }, `Ended ${ended.length === 1 ? 'one session' : `${ended.length} sessions`}.`);
      }),
    );
}
