import { adminRequest, askAll } from '../admin-client.ts';
import { EXIT } from '../../../protocol/errors.ts';
import type { AdminTarget } from '../admin-client.ts';
import type { DiskKeysJson } from '../../../protocol/http/schemas.ts';
import type { Command } from 'commander';

const PATH = '/v1/admin/disk-keys';
const DAY_MS = 86_400_000;

/** Of each node by itself: what seals its disk, and new keys for it. */
export function addDiskKeysVerbs(chatctl: Command, target: () => AdminTarget): void {
  const verb = chatctl.command('disk-keys').description('the keys under which nodes seal what is on their disks');
  verb
    .command('status')
    .description('show under which data keys each node seals, and what is still under older ones')
    .option('--json', 'print one JSON object per node')
    .action((options: { json?: boolean }) => show(target(), 'GET', options));
  verb
    .command('rotate')
    .description('let every node seal under new data keys; old ones are destroyed once everything is sealed anew')
    .option('--json', 'print one JSON object per node')
    .action((options: { json?: boolean }) => show(target(), 'POST', options));
}

async function show(target: AdminTarget, method: 'GET' | 'POST', { json }: { json?: boolean }): Promise<void> {
  for (const { node, reply } of await askAll(target, (one) => adminRequest<DiskKeysJson>(one, method, PATH))) {
    if (reply === null) process.exitCode = EXIT.cannotConnect;
    console.log(json === true ? JSON.stringify({ node, ...reply }) : `${node}: ${sentenceOf(reply)}`);
  }
}

function sentenceOf(reply: DiskKeysJson | null): string {
  if (reply === null) return 'does not answer';
  const { generation, ageMs, retiring, resealing, wrappedBy } = reply;
  const age = `${(ageMs / DAY_MS).toFixed(1)} days old`;
  const older = `${retiring.join(', ')} destroyed once all is sealed anew${resealing === null ? '' : ` (now: ${resealing})`}`;
  return [`generation ${generation}, ${age}, wrapped by ${wrappedBy}`, ...(retiring.length > 0 ? [older] : [])].join(
    '; ',
  );
}
