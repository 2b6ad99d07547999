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

/**
 * What others wrote must not steer a terminal: control characters, and those that turn the direction of writing, are
 * shown as their code points.
 */
export function printable(text: string): string {
  return text.replaceAll(
    // oxlint-disable-next-line no-control-regex -- They are what this is about.
    /[\u0000-\u0008\u000A-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g,
    (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`,
  );
}

function localTime(iso: string): string {
  const date = new Date(iso);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
