import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ParleyError } from '../../../protocol/errors.ts';
import { formatTable } from '../../table.ts';
import { durationOption, parseCount } from '../arguments.ts';
import type { Command } from 'commander';
import type { HeldLock } from '../../../client/locks.ts';
import type { ParleyClient } from '../../../client/client.ts';
import type { LockJsonT } from '../../../protocol/http/locks.ts';
import type { Run } from '../run.ts';
import type { Terminal } from '../terminal.ts';

/** A lease is renewed when a third of it is over, so that two attempts may fail. */
const RENEW_PART = 3;

interface TakeOptions {
  readonly ttl: number;
  /** False: not at all. */
  readonly wait: number | false;
}

/** Permission to something shared: lock run, acquire, renew, release, show; locks. */
export function addLockVerbs(parley: Command, run: Run): void {
  const lock = parley.command('lock').description('locks that the whole cluster knows: with a lease and a queue');
  const ttl = (): ReturnType<typeof durationOption> =>
    durationOption('--ttl <TIME>', 'how long the lease lasts', '30s');
  const wait = (): ReturnType<typeof durationOption> =>
    durationOption('--wait <TIME>', 'how long to stand in its queue', '1h');

  lock
    .command('run')
    .description('hold a lock while a command runs; PARLEY_FENCING_TOKEN tells the command its token')
    .argument('<name>')
    .argument('<command...>', 'behind --')
    .addOption(ttl())
    .addOption(wait())
    .option('--no-wait', 'fail at once when somebody else holds it')
    .action((name: string, command: string[], options: TakeOptions) =>
      run((client, terminal) => runLocked(client, terminal, { name, command, ...options }), { takesLong: true }),
    );

  lock
    .command('acquire')
    .description('take a lock; it is free again when the lease is over, or this device logs out')
    .argument('<name>')
    .addOption(ttl())
    .addOption(wait())
    .option('--no-wait', 'fail at once when somebody else holds it')
    .action((name: string, { ttl: ttlMs, wait: waiting }: TakeOptions) =>
      run(
        async (client, terminal) => {
          const held = await client.locks.acquire(name, { ttlMs, waitMs: waiting || 0, signal: terminal.signal });
          terminal.result(held, `${name} is yours until ${held.expiresAt}, token ${held.token}`);
        },
        { takesLong: true },
      ),
    );

  const token = ['--token <TOKEN>', 'the one it was granted with', parseCount] as const;
  lock
    .command('renew')
    .description('extend the lease')
    .argument('<name>')
    .requiredOption(...token)
    .addOption(ttl())
    .action((name: string, options: Pick<TakeOptions, 'ttl'> & { readonly token: number }) =>
      run(async (client, terminal) => {
        const held = await client.locks.renew(
          { name: name as HeldLock['name'], token: options.token, expiresAt: '' },
          options.ttl,
        );
        terminal.result(held, `${name} is yours until ${held.expiresAt}`);
      }),
    );

  lock
    .command('release')
    .description('give a lock back, or leave its queue')
    .argument('<name>')
    .option(...token)
    .action((name: string, options: { readonly token?: number }) =>
      run(async (client, terminal) => {
        await client.locks.release(name, options.token);
        terminal.result({ name, released: true }, `${name} is released.`);
      }),
    );

  lock
    .command('show')
    .description('who holds a lock')
    .argument('<name>')
    .action((name: string) =>
      run(async (client, terminal) => {
        const shown = await client.locks.show(name);
        terminal.result(shown, lockText(shown));
      }),
    );

  parley
    .command('locks')
    .description('list the locks that this device holds or waits for')
    .action(() =>
      run(async (client, terminal) => {
        const all = await client.locks.list();
        if (terminal.json) for (const one of all) terminal.result(one, '');
        else {
          const rows = all.map(({ name, holder, position }) => [
            name,
            position === null ? `held, token ${holder!.token}` : `${position}. in the queue`,
          ]);
          terminal.result({}, formatTable(['lock', ''], rows));
        }
      }),
    );
}

function lockText({ name, holder, waiting }: LockJsonT): string {
  if (holder === null) return `${name} is free.`;
  const queue = waiting === 0 ? '' : `, ${waiting} waiting`;
  return `${name} is held by ${holder.account} until ${holder.expiresAt}, token ${holder.token}${queue}`;
}

/** The command is ended when the lease is lost: somebody else may be at work already. */
async function runLocked(
  client: ParleyClient,
  terminal: Terminal,
  { name, command, ttl, wait }: { readonly name: string; readonly command: readonly string[] } & TakeOptions,
): Promise<void> {
  const held = await client.locks.acquire(name, { ttlMs: ttl, waitMs: wait || 0, signal: terminal.signal });
  const env = { ...process.env, PARLEY_LOCK: name, PARLEY_FENCING_TOKEN: String(held.token) };
  const child = spawn(command[0]!, command.slice(1), { stdio: 'inherit', env });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new ParleyError('usage', `${command[0]} cannot be run: ${cause.message}`, { cause })),
    );
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  let lost: ParleyError | null = null;
  const renewal = setInterval(() => {
    client.locks.renew(held, ttl).catch((error: unknown) => {
      // A node that cannot be reached may be again before the lease is over.
      if (!(error instanceof ParleyError) || error.code !== 'lock_lost') return;
      lost = error;
      child.kill('SIGTERM');
    });
  }, ttl / RENEW_PART);
  const stop = (): void => void child.kill('SIGTERM');
  terminal.signal.addEventListener('abort', stop);
  try {
    process.exitCode = await ended;
  } finally {
    clearInterval(renewal);
    terminal.signal.removeEventListener('abort', stop);
    // Also for a command that could not be run: nobody is to wait for the end of its lease.
    if (lost === null) await client.locks.release(name, held.token);
  }
  if (lost !== null) throw lost;
}
