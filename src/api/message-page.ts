import { messagesPage } from '../chat/queries-messages.ts';
import type { MessageInfo, MessagesPage } from '../chat/queries-messages.ts';
import type { StateReader } from '../chat/ports.ts';
import type { AccountId, RoomId } from '../protocol/ids.ts';

/** A page is cut short where its envelopes are larger than this together; the next one goes on from there. */
const PAGE_BYTES_MAX = 1024 * 1024;
/** Messages read at a time, so that what is cut off was not read either. */
const STEP = 50;

export interface PageAsked {
  readonly account: AccountId;
  readonly room: RoomId;
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
}

/**
 * Messages of a room, as `messagesPage` reads them, bounded in bytes as well; at least one, if there is one.
 *
 * @returns undefined when there is no such room, or the account is no member
 */
export async function readMessages(reader: StateReader, asked: PageAsked): Promise<MessagesPage | undefined> {
  const messages: MessageInfo[] = [];
  let bytes = 0;
  for (;;) {
    const limit = Math.min(STEP, asked.limit - messages.length);
    const page = await messagesPage(reader, { ...asked, ...beyond(asked, messages), limit });
    if (page === undefined) return undefined;
    // Nearest first: what is left out is what the reader would ask for next anyway.
    for (const message of isForward(asked) ? page.messages : page.messages.toReversed()) {
      bytes += message.envelope.length;
      if (bytes > PAGE_BYTES_MAX && messages.length > 0) return pageOf(asked, messages, page);
      messages.push(message);
    }
    if (page.messages.length < limit || messages.length === asked.limit) return pageOf(asked, messages, page);
  }
}

/** Whether the reader goes on towards newer messages. */
const isForward = ({ after }: PageAsked): boolean => after !== undefined;

function beyond(asked: PageAsked, read: readonly MessageInfo[]): { after?: number } | { before?: number } {
  const last = read.at(-1);
  if (last === undefined) return {};
  return isForward(asked) ? { after: last.seq } : { before: last.seq };
}

function pageOf(asked: PageAsked, messages: readonly MessageInfo[], { lastSeq }: MessagesPage): MessagesPage {
  return { messages: isForward(asked) ? messages : messages.toReversed(), lastSeq };
}
