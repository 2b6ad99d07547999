import { printable } from '../printable.ts';
import type { MessageLine, UnreadableReason } from '../../client/reader.ts';

const REASONS: Partial<Record<UnreadableReason, string>> = {
  before_device: 'sent before this device was enrolled',
  unknown_device: 'from a device that its account does not vouch for',
  user_key_changed: 'the sender’s key is not the one this client knows',
  duplicate: 'shown before, at another place',
  unsupported: 'written by a newer program',
};

/** `2026-11-21 10:04 ann: text`, in local time; further lines of a text stand below its first. */
export function messageText(line: MessageLine, roomName?: string): string {
  const head = `${localTime(line.sentAt)} ${roomName === undefined ? '' : `${printable(roomName)} `}${line.from}: `;
  if (line.text === null) {
    const reason = line.unreadable ?? 'unreadable';
    return `${head}[unreadable: ${REASONS[line.unreadable ?? 'unsupported'] ?? reason}]`;
  }
  return (
    head +
    line.text
      .split('\n')
      .map(printable)
      .join(`\n${' '.repeat(head.length)}`)
  );
}

function localTime(iso: string): string {
  const date = new Date(iso);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
