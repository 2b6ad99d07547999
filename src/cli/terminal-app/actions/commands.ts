import { ParleyError } from '../../../protocol/errors.ts';
import { searchSheet } from '../state/search-sheet.ts';
import { helpSheet, membersSheet, openRoomsSheet, peopleSheet } from '../state/sheets.ts';
import type { CommandName } from '../composer/commands.ts';
import type { PresenceChoiceT } from '../../../protocol/http/presence.ts';
import type { Desk } from '../state/desk.ts';
import type { Sheet } from '../state/sheet.ts';
import type { Talk } from '../state/talk.ts';
import type { ActionWorld, Work } from './action-world.ts';

const ASK_MS_MAX = 20_000;
const LINK_TTL_MS = 7 * 86_400_000;
const LINK_USES_MAX = 100;
const PRESENCES: ReadonlySet<string> = new Set<PresenceChoiceT>(['online', 'away', 'busy', 'invisible']);

type Run = (world: ActionWorld, words: readonly string[]) => Work;

const RUNS: Readonly<Record<CommandName, Run>> = {
  open: ({ desk }, [target]) => desk.openTarget(target!),
  new: ({ desk }, [name, members = '']) =>
    desk.joined(() => desk.chat.client.rooms.createGroup(name!, namesIn(members), ASK_MS_MAX)),
  'new-open': ({ desk }, [name]) =>
    desk.joined(() => desk.chat.client.rooms.createOpen({ name: name! }, [], ASK_MS_MAX)),
  rooms: ({ desk, host }, [word = '']) => desk.showSheet(asking(openRoomsSheet(host), word)),
  join: ({ desk }, [link]) => desk.joined(() => desk.chat.client.roomAdmin.join(secretIn(link!), ASK_MS_MAX)),
  invite: inTalk(invite),
  add: inTalk(async ({ desk }, talk, [name]) => {
    const account = name!.replace(/^@/, '');
    const isDone = await desk.chat.ask(() => desk.chat.client.rooms.add(talk.room, account, ASK_MS_MAX));
    if (isDone) desk.chat.notices.say(`@${account} is in this room now`);
    await talk.readDetails();
  }),
  members: inTalk(({ desk, host }, talk) => desk.showSheet(membersSheet(host, talk.target))),
  leave: inTalk(async ({ desk }, talk) => {
    const isDone = await desk.chat.ask(() => desk.chat.client.roomAdmin.leave(talk.target, ASK_MS_MAX));
    if (!isDone) return;
    desk.closeTalk();
    await desk.chat.ask(() => desk.chat.live.refreshRooms());
  }),
  people: ({ desk, host }, [word = '']) => desk.showSheet(asking(peopleSheet(host), word)),
  search: ({ desk, host }, [words]) => desk.showSheet(asking(searchSheet(host), words!)),
  file: inTalk(({ desk }, talk, [path]) => desk.files.send(talk.target, path!)),
  save: inTalk(({ desk }, talk, [number, folder = '.']) => save(desk, talk, seqIn(number!), folder)),
  reply: inTalk(async (_world, talk, [number, text]) => {
    talk.replyTo = entryAt(talk, seqIn(number!));
    await talk.say(text!);
  }),
  react: inTalk((_world, talk, [number, emoji]) => talk.react(seqIn(number!), emoji!)),
  thread: inTalk(({ desk }, talk, [number]) => {
    const { line } = entryAt(talk, seqIn(number!));
    talk.thread = line.thread ?? line.seq;
    desk.toWriting();
  }),
  me: ({ desk }, [status]) => {
    if (!PRESENCES.has(status!)) throw new ParleyError('usage', 'One of online, away, busy, invisible.');
    desk.chat.live.signals.setPresence(status as PresenceChoiceT);
    desk.chat.notices.say(`Others see you as ${status}.`);
  },
  help: ({ desk, host }) => desk.showSheet(helpSheet(host.changed)),
  quit: ({ quit }) => quit(),
};

/** A failure is shown. */
export async function runCommand(world: ActionWorld, name: CommandName, words: readonly string[]): Promise<void> {
  await world.desk.chat.ask(async () => RUNS[name](world, words));
}

/** Saves the file that a message brings. @throws ParleyError `usage` where it brings none */
export async function save(desk: Desk, talk: Talk, seq: number, folder: string): Promise<void> {
  const { line } = entryAt(talk, seq);
  if (line.file === undefined) throw new ParleyError('usage', `There is no file in message ${seq}.`);
  await desk.files.save(line.id, line.file, folder);
}

function inTalk(run: (world: ActionWorld, talk: Talk, words: readonly string[]) => Work): Run {
  return (world, words) => {
    if (world.desk.talk === null) throw new ParleyError('usage', 'Open a conversation first: Ctrl K, or /open @NAME.');
    return run(world, world.desk.talk, words);
  };
}

async function invite({ desk }: ActionWorld, talk: Talk): Promise<void> {
  const terms = { ttlMs: LINK_TTL_MS, usesMax: LINK_USES_MAX };
  const { link } = await desk.chat.client.roomAdmin.invite(talk.target, terms, ASK_MS_MAX);
  // To be copied, it stands where it is written, and goes when something else is.
  desk.composer.show(`/join ${link}`);
  desk.chat.notices.say('Whoever types this line can join, for a week. Copy it; Ctrl U removes it.');
}

function asking(sheet: Sheet, word: string): Sheet {
  if (word !== '') sheet.edit({ text: word, cursor: word.length });
  return sheet;
}

function entryAt(talk: Talk, seq: number): NonNullable<Talk['replyTo']> {
  const entry = talk.view.timeline.entry(seq);
  if (entry === undefined) throw new ParleyError('no_such_message', `There is no message ${seq} here.`);
  return entry;
}

/** @throws ParleyError `usage` */
function seqIn(word: string): number {
  const seq = Number(word.replace(/^#/, ''));
  if (!Number.isSafeInteger(seq) || seq < 1) throw new ParleyError('usage', `“${word}” is no number of a message.`);
  return seq;
}

const namesIn = (words: string): readonly string[] =>
  words
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => word.replace(/^@/, ''));

/** A link of the web app has it behind the `#`. */
const secretIn = (link: string): string => link.slice(link.indexOf('#') + 1);
