import type { InboxRoom } from './inbox.ts';

/** Where something happened last comes first; archived rooms come last. */
export function orderedRooms(rooms: Iterable<InboxRoom>): readonly InboxRoom[] {
  const timeOf = ({ last }: InboxRoom): number => (last === null ? 0 : Date.parse(last.sentAt));
  return [...rooms].toSorted(
    (a, b) =>
      Number(a.isArchived) - Number(b.isArchived) ||
      timeOf(b) - timeOf(a) ||
      Number(b.unread > 0) - Number(a.unread > 0) ||
      (a.name ?? '').localeCompare(b.name ?? ''),
  );
}
