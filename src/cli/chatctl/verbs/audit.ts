import { ParleyError } from '../../../protocol/errors.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { printable } from '../../printable.ts';
import { formatTable } from '../../table.ts';
import { adminRequest } from '../admin-client.ts';
import { spanOf } from './show.ts';
import type { Command } from 'commander';
import type { AuditEntryJson, AuditReplyJson } from '../../../protocol/http/audit.ts';
import type { AdminTarget } from '../admin-client.ts';

interface AuditOptions {
  readonly who?: string;
  readonly what?: string;
  readonly role?: string;
  readonly node?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
  readonly json?: boolean;
}

const SHOWN_DEFAULT = 50;

/** Who did what, from where. */
export function addAuditVerb(chatctl: Command, target: () => AdminTarget): void {
  chatctl
    .command('audit')
    .description('who did what, and from where: logins, devices, rooms, nodes, acts of admins')
    .option('--who <NAME>', 'acts of this account, and about it')
    .option('--what <ACT>', 'an act like room.joined, or all of a kind: account, session, device, room, node …')
    .option('--role <ROLE>', 'as what: account, operator, stranger, cluster')
    .option('--node <NODE>', 'taken by this node, or about it')
    .option('--since <TIME>', 'RFC 3339, or how long ago: 90s, 15m, 2h, 7d')
    .option('--until <TIME>', 'the same')
    .option('--limit <N>', `how many of the newest (default: ${SHOWN_DEFAULT}; with --json: all)`)
    .option('--json', 'print one JSON object per line, oldest first')
    .action(async (options: AuditOptions) => {
      const json = options.json === true;
      const entries = json ? await printAll(target(), options) : await newest(target(), options);
      if (!json) console.log(tableOf(entries));
    });
}

/** Lines as they come; only with a limit they have to be kept, as the newest are asked for. */
async function printAll(target: AdminTarget, options: AuditOptions): Promise<AuditEntryJson[]> {
  const print = (entry: AuditEntryJson): void => console.log(JSON.stringify(entry));
  if (options.limit === undefined) for await (const entry of pages(target, options, 'oldest')) print(entry);
  else for (const entry of await newest(target, options)) print(entry);
  return [];
}

/** The newest, oldest first. */
async function newest(target: AdminTarget, options: AuditOptions): Promise<AuditEntryJson[]> {
  const limit = options.limit === undefined ? SHOWN_DEFAULT : Number(options.limit);
  if (!Number.isSafeInteger(limit) || limit < 1) throw new ParleyError('usage', '--limit must be a number from 1 on.');
  const entries: AuditEntryJson[] = [];
  for await (const entry of pages(target, options, 'newest')) {
    entries.push(entry);
    if (entries.length >= limit) break;
  }
  return entries.toReversed();
}

async function* pages(
  target: AdminTarget,
  options: AuditOptions,
  order: 'newest' | 'oldest',
): AsyncGenerator<AuditEntryJson> {
  const { who, what, role, node, since, until } = options;
  const query = new URLSearchParams({ order, limit: String(LIMITS.readPageMax) });
  const wanted = { who: who?.replace(/^@/, ''), what, role, node, since: timeOf(since), until: timeOf(until) };
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) query.set(name, value);
  for (let more = true; more;) {
    const { entries, next } = await adminRequest<AuditReplyJson>(target, 'GET', `/v1/admin/audit?${query.toString()}`);
    yield* entries;
    more = next !== null;
    query.set('after', String(next));
  }
}

function timeOf(text: string | undefined): string | undefined {
  const agoMs = text === undefined ? undefined : spanOf(text);
  return agoMs === undefined ? text : new Date(Date.now() - agoMs).toISOString();
}

function tableOf(entries: readonly AuditEntryJson[]): string {
  const rows = entries.map((entry) =>
    [entry.at, entry.act, whoOf(entry), entry.address ?? '', entry.node ?? '', aboutOf(entry)].map(printable),
  );
  return formatTable(['at', 'act', 'by', 'from', 'node', 'about'], rows);
}

const whoOf = ({ by, role }: AuditEntryJson): string => (by === null ? `(${role})` : `@${by.account}`);

function aboutOf({ subject }: AuditEntryJson): string {
  const { accounts = [], more, room, device, session, node, value, count } = subject;
  const names = accounts.map(({ account }) => `@${account}`);
  const others = more === undefined ? '' : `and ${more} more`;
  const times = count === undefined || count === 1 ? '' : `${count} times`;
  return [...names, others, node, room, device ?? session, value, times].filter(Boolean).join(' ');
}
