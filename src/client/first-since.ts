/** Asks for the message at a place, or the next one that may be read. */
export type MessageFrom = (seq: number) => Promise<{ readonly seq: number; readonly sentAt: string } | undefined>;

/**
 * The first message that was sent at a time or later: in a room, places and times grow together, so halving finds it
 * in a few questions.
 *
 * @param sinceMs milliseconds since 1970
 * @param lastSeq the newest place
 * @returns its seq; `lastSeq + 1` when all are older
 */
export async function firstSince(messageFrom: MessageFrom, sinceMs: number, lastSeq: number): Promise<number> {
  let low = 1;
  let end = lastSeq + 1;
  while (low < end) {
    const middle = Math.floor((low + end) / 2);
    const message = await messageFrom(middle);
    if (message === undefined || message.seq >= end) end = middle;
    else if (Date.parse(message.sentAt) >= sinceMs) end = middle;
    else low = message.seq + 1;
  }
  return low;
}
