import { fromBase64Url } from '../../../protocol/base64url.ts';
import { decodeContent } from '../../../protocol/content.ts';
import { ParleyError } from '../../../protocol/errors.ts';
import { isRoomId } from '../../../protocol/ids.ts';
import { LIMITS } from '../../../protocol/limits.ts';
import { freshTxnId } from '../../fresh-txn.ts';
import { printable } from '../../printable.ts';
import { adminRequest } from '../admin-client.ts';
import { tell } from './show.ts';
import type { Command } from 'commander';
import type { ReportJsonT, ReportsJson } from '../../../protocol/http/reports.ts';
import type { AdminTarget } from '../admin-client.ts';

interface Json {
  readonly json?: boolean;
}

/** Reports of people, and what is removed: report list, resolve; purge message, room. */
export function addModerationVerbs(chatctl: Command, target: () => AdminTarget): void {
  addReportVerbs(chatctl.command('report').description('messages that people have reported'), target);
  addPurgeVerbs(chatctl.command('purge').description('remove what was written, from every node'), target);
}

function addReportVerbs(report: Command, target: () => AdminTarget): void {
  report
    .command('list')
    .description('list the reports that wait, oldest first, with what their reporters reveal')
    .option('--all', 'those that are resolved too')
    .option('--json', 'print one JSON object per line')
    .action(async (options: Json & { readonly all?: boolean }) => {
      for await (const one of allReports(target(), options.all === true)) {
        if (options.json === true) console.log(JSON.stringify(withTexts(one)));
        else console.log(reportText(one));
      }
    });

  report
    .command('resolve')
    .description('say what was done about a report')
    .argument('<number>')
    .argument('<text>')
    .option('--json', 'print one JSON object')
    .action(async (text: string, resolution: string, options: Json) => {
      const body = { resolution, txnId: freshTxnId() };
      const path = `/v1/admin/reports/${placeOf(text)}`;
      tell(options, await adminRequest<object>(target(), 'PATCH', path, { body }), `Report ${text} is resolved.`);
    });
}

function addPurgeVerbs(purge: Command, target: () => AdminTarget): void {
  purge
    .command('message')
    .description('remove a message with its edits, reactions and files')
    .argument('<room>', 'its id, as in a report')
    .argument('<seq>', 'its number')
    .option('--json', 'print one JSON object')
    .action(async (room: string, seq: string, options: Json) => {
      const path = `/v1/admin/rooms/${roomOf(room)}/messages/${placeOf(seq)}?txnId=${freshTxnId()}`;
      tell(options, await adminRequest<object>(target(), 'DELETE', path), `Message ${seq} is gone.`);
    });

  purge
    .command('room')
    .description('remove all that was written in a room, and close it for good')
    .argument('<room>', 'its id')
    .requiredOption('--yes', 'to say that this is meant: nothing brings it back')
    .option('--json', 'print one JSON object')
    .action(async (room: string, options: Json) => {
      const path = `/v1/admin/rooms/${roomOf(room)}?txnId=${freshTxnId()}`;
      const reply = await adminRequest<object>(target(), 'DELETE', path);
      tell(options, reply, 'The room is closed; what was written in it goes within moments.');
    });
}

async function* allReports(target: AdminTarget, all: boolean): AsyncGenerator<ReportJsonT> {
  const query = `consistency=linearizable&limit=${LIMITS.reportsPageMax}&state=${all ? 'all' : 'open'}`;
  for (let after: number | null = 0; after !== null;) {
    const path = `/v1/admin/reports?${query}&after=${after}`;
    const page: ReportsJson = await adminRequest<ReportsJson>(target, 'GET', path);
    yield* page.reports;
    after = page.next;
  }
}

/** What its author encoded, as people read it. */
function textOf(content: string): string {
  const decoded = decodeContent(fromBase64Url(content));
  if (!decoded.ok) return `[${decoded.reason}]`;
  switch (decoded.content.type) {
    case 'text':
    case 'edit':
      return decoded.content.text;
    case 'file':
      return `[file ${decoded.content.name}] ${decoded.content.text ?? ''}`.trimEnd();
    case 'reaction':
      return decoded.content.reaction;
    case 'room-meta':
      break;
  }
  return decoded.content.name;
}

function withTexts(report: ReportJsonT): object {
  return { ...report, revealed: report.revealed.map((one) => ({ ...one, text: textOf(one.content) })) };
}

function reportText({ report, by, at, room, seq, from, reason, revealed, resolved }: ReportJsonT): string {
  const head = `${report}  ${at}  @${by} reports message ${seq} of @${from} in ${room}: ${reason}`;
  const shown = revealed.map((one) => `     #${one.seq} ${one.sentAt} @${one.from}: ${textOf(one.content)}`);
  const end =
    resolved === null
      ? []
      : [`     resolved ${resolved.at} by ${resolved.by ?? 'an operator'}: ${resolved.resolution}`];
  return [head, ...shown, ...end].map((line) => line.split('\n').map(printable).join('\n       ')).join('\n');
}

function roomOf(text: string): string {
  const room = text.replace(/^room:/, '');
  if (!isRoomId(room)) throw new ParleyError('usage', `“${text}” is no id of a room.`);
  return room;
}

function placeOf(text: string): number {
  const place = /^\d+$/.test(text) ? Number(text) : 0;
  if (!Number.isSafeInteger(place) || place < 1) throw new ParleyError('usage', `“${text}” is no number from 1 on.`);
  return place;
}
