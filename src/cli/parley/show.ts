import { printable } from '../printable.ts';
import { bytesText } from './bytes-text.ts';
import type { TypingFrameJson } from '../../protocol/http/frames.ts';
import type { FileJson, MessageLine, UnreadableReason } from '../../client/reader.ts';

const REASONS: Partial<Record<UnreadableReason, string>> = {
  before_device: 'sent before this device was enrolled',
  unknown_device: 'from a device that its account does not vouch for',
  user_key_changed: 'the sender’s key is not the one this client knows',
  duplicate: 'shown before, at another place',
  unsupported: 'written by a newer program',
};

/**
 * `2026-11-21 10:04 ann: text`, in local time; further lines of a text stand below its first.
 * @param show `numbered`: with the place of each message in its room
 */
export function messageText(
  line: MessageLine,
  show: { readonly roomName?: string | undefined; readonly numbered?: boolean } = {},
): string {
  const number = show.numbered === true ? `#${line.seq} ` : '';
  const room = show.roomName === undefined ? '' : `${printable(show.roomName)} `;
  const by = line.hook === undefined ? line.from : `${printable(line.hook)} (for ${line.from})`;
  const head = `${localTime(line.sentAt)} ${number}${room}${by}: `;
  return (
    head +
    `${line.outOfOrder === true ? '[out of order] ' : ''}${said(line)}`
      .split('\n')
      .map(printable)
      .join(`\n${' '.repeat(head.length)}`)
  );
}

/** `garden @ann is writing …` */
export function typingText({ account, active }: TypingFrameJson, roomName?: string): string {
  const room = roomName === undefined ? '' : `${roomName} `;
  return printable(`${room}@${account} ${active ? 'is writing …' : 'has stopped writing'}`);
}

/** Why there is no text. */
export function unreadableText(reason: UnreadableReason): string {
  return `[unreadable: ${REASONS[reason] ?? reason}]`;
}

function said(line: MessageLine): string {
  const { text, gone, unreadable, reaction, reactsTo, edits, replyTo, thread } = line;
  if (gone !== undefined) return `[${gone}]`;
  if (reaction !== undefined) return `${reaction} to #${reactsTo}`;
  if (text === null) return unreadableText(unreadable ?? 'unsupported');
  if (edits !== undefined) return `[new text of #${edits}] ${text}`;
  const context = [thread === undefined ? [] : `in #${thread}`, replyTo === undefined ? [] : `to #${replyTo}`].flat();
  const words = line.file === undefined ? text : fileText(line.file, line.id, text);
  return context.length === 0 ? words : `[${context.join(', ')}] ${words}`;
}

function fileText({ name, sizeBytes }: FileJson, id: string, text: string): string {
  const file = `[file ${name}, ${bytesText(sizeBytes)}: parley file get ${id}]`;
  return text === '' ? file : `${text} ${file}`;
}

function localTime(iso: string): string {
  const date = new Date(iso);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
