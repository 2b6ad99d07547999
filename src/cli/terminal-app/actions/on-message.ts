import { showing } from '../view/feed-window.ts';
import { feedRowsOf } from '../view/frame.ts';
import { save } from './commands.ts';
import type { Entry } from '../../../client/timeline.ts';
import type { MessageAction } from '../keys/bindings.ts';
import type { Desk } from '../state/desk.ts';
import type { Talk } from '../state/talk.ts';
import type { ActionWorld, Work } from './action-world.ts';

export function onMessage(world: ActionWorld, action: MessageAction): Work {
  const { desk } = world;
  const { talk, selected, removing } = desk;
  desk.removing = null;
  const entry = selected === null ? undefined : talk?.view.timeline.entry(selected);
  // What somebody had gone to may be gone.
  if (talk === null || entry === undefined) return desk.toWriting();
  const { seq } = entry.line;
  switch (action) {
    case 'up':
      return select(world, talk, -1);
    case 'down':
      return select(world, talk, 1);
    case 'switchFocus':
      return desk.toWriting();
    case 'reply':
      talk.replyTo = entry;
      return desk.toWriting();
    case 'edit':
      return beginEdit(desk, talk, entry);
    case 'thread':
      talk.thread = entry.line.thread ?? seq;
      return desk.toWriting();
    case 'react':
      desk.toWriting();
      desk.composer.show(`/react ${seq} `);
      return desk.composer.insert(':', desk.names);
    case 'pin':
      return talk.pin(seq);
    case 'saveFile':
      return desk.chat.ask(() => save(desk, talk, seq, '.'));
    case 'remove':
      if (removing === seq) return talk.remove(seq);
      desk.removing = seq;
      return desk.chat.notices.say(`d again deletes message #${seq} for everybody.`, true);
  }
}

function beginEdit(desk: Desk, talk: Talk, entry: Entry): void {
  if (entry.line.from !== desk.chat.own || entry.text === null) {
    desk.chat.notices.say('Only your own messages can be edited.', true);
    return;
  }
  talk.editing = entry;
  talk.replyTo = null;
  desk.toWriting();
  desk.composer.show(entry.text);
}

function select({ desk, layout }: ActionWorld, talk: Talk, by: -1 | 1): void {
  const all = talk.selectable();
  const next = all[all.indexOf(desk.selected!) + by];
  if (next === undefined) {
    if (by === -1) talk.older();
    return;
  }
  desk.selected = next;
  const feed = feedRowsOf(desk, talk, layout.width, Date.now());
  desk.anchor = showing(feed, layout.feedRows, desk.anchor, talk.view.timeline.line(next)!.id);
}
