import { ParleyError } from '../../../protocol/errors.ts';
import { formatTable } from '../../table.ts';
import type { Command } from 'commander';
import type { ParleyClient } from '../../../client/client.ts';
import type { Run } from '../run.ts';
import type { Terminal } from '../terminal.ts';

const TOKEN_MS_MAX = 15_000;
const LOGOUT_MS_MAX = 15_000;
const RESEAL_MS_MAX = 15_000;

/** Who one is: devices, whoami, account, logout. */
export function addAccountVerbs(parley: Command, run: Run): void {
  const devices = parley
    .command('devices')
    .description('list one’s devices, or approve a new one')
    .action(() =>
      run(async (client, terminal) => {
        const all = await client.account.devices();
        if (terminal.json) for (const line of all) terminal.result(line, '');
        else {
          const rows = all.map(({ device, own }) => [device, own ? 'this one' : '']);
          terminal.result({}, formatTable(['device', ''], rows));
        }
      }),
    );
  devices
    .command('approve')
    .description('let in the device that showed this code')
    .argument('<code>', 'compare it with what the new device shows')
    .action((code: string) => run((client, terminal) => approve(client, terminal, code)));
  devices
    .command('revoke')
    .description('end a device of one’s own for good: its sessions end, and nothing more is encrypted for it')
    .argument('<device>', 'its id: parley devices')
    .action((device: string) =>
      run(async (client, terminal) => {
        await client.directory.revokeDevice(device);
        terminal.result({ device, state: 'revoked' }, `Revoked ${device}.`);
      }),
    );

  parley
    .command('whoami')
    .description('show account, device and cluster of this home')
    .action(() =>
      run(async (client, terminal) => {
        const me = await client.whoAmI();
        const text = `${me.account} on ${me.device}\ncluster ${me.cluster} at ${me.endpoints.join(', ')}`;
        terminal.result(me, text);
      }),
    );

  parley
    .command('token')
    .description('print an access token of this device, for curl and the like; whoever has it may do what you may')
    .action(() =>
      run(async (client, terminal) => {
        const token = await client.accessToken(TOKEN_MS_MAX);
        terminal.result({ token }, token);
      }),
    );

  parley
    .command('account')
    .description('one’s account')
    .command('delete')
    .description('delete one’s account for good: sessions, devices, keys and places in rooms; the name stays taken')
    .option('--messages', 'what one wrote goes too')
    .requiredOption('--yes', 'to say that this is meant: nothing brings it back')
    .action(({ messages = false }: { messages?: boolean }) =>
      run(async (client, terminal) => {
        await client.account.delete(messages);
        terminal.result({ state: 'deleted' }, 'Deleted. One’s rooms and what one wrote follow within moments.');
      }),
    );

  parley
    .command('logout')
    .description('end the session of this device; the keys stay, and the next command opens another session')
    .action(() =>
      run(async (client, terminal) => {
        await client.logOut(LOGOUT_MS_MAX);
        terminal.result({ state: 'logged-out' }, 'Logged out.');
      }),
    );
}

async function approve(client: ParleyClient, terminal: Terminal, code: string): Promise<void> {
  const { device } = await client.enrolment.approve(code);
  terminal.result({ device, state: 'approved' }, `Approved ${device}.`);
  try {
    await client.rooms.resealNames(RESEAL_MS_MAX);
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    terminal.note(`the new device cannot read the names of all rooms yet: ${error.message}`);
  }
}
