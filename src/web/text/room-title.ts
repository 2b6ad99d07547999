import { plainText } from './plain-text.ts';
import { t } from './catalogue.ts';
import type { InboxRoom } from '../../client/inbox.ts';

export function roomTitle({ name }: Pick<InboxRoom, 'name'>): string {
  return name === null ? t.rooms.unnamed : plainText(name);
}
