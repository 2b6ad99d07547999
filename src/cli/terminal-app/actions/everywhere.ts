import { searchSheet } from '../state/search-sheet.ts';
import { helpSheet, peopleSheet, roomsSheet } from '../state/sheets.ts';
import { scrolled } from '../view/feed-window.ts';
import { feedRowsOf } from '../view/frame.ts';
import type { EverywhereAction } from '../keys/bindings.ts';
import type { Desk } from '../state/desk.ts';
import type { ActionWorld, Work } from './action-world.ts';

const RUNS: Readonly<Record<EverywhereAction, (world: ActionWorld) => Work>> = {
  quit: ({ quit }) => quit(),
  suspend: ({ suspend }) => suspend(),
  redraw: ({ redraw }) => redraw(),
  help: ({ desk, host }) => desk.showSheet(helpSheet(host.changed)),
  close: ({ desk }) => close(desk),
  pickRoom: ({ desk, host }) => desk.showSheet(roomsSheet(host)),
  nextRoom: ({ desk }) => desk.stepRoom(1),
  previousRoom: ({ desk }) => desk.stepRoom(-1),
  nextUnread: ({ desk }) => desk.nextUnread(),
  people: ({ desk, host }) => desk.showSheet(peopleSheet(host)),
  search: ({ desk, host }) => desk.showSheet(searchSheet(host)),
  pageUp: (world) => scroll(world, -pageOf(world)),
  pageDown: (world) => scroll(world, pageOf(world)),
  toNewest: ({ desk }) => {
    desk.toWriting();
    return desk.talk?.view.toNewest();
  },
};

export function everywhere(world: ActionWorld, action: EverywhereAction): Work {
  return RUNS[action](world);
}

/** One thing at a time, the topmost first. */
function close(desk: Desk): void {
  const { talk, composer } = desk;
  if (desk.sheet !== null) desk.closeSheet();
  else if (desk.selected !== null || desk.anchor !== null) desk.toWriting();
  else if (composer.completion !== null) composer.calm();
  else if (talk === null) return;
  else if (talk.editing !== null) desk.endEditing(talk);
  else if (talk.replyTo !== null) talk.replyTo = null;
  else talk.thread = null;
}

const pageOf = ({ layout }: ActionWorld): number => Math.max(1, layout.feedRows - 1);

function scroll({ desk, layout }: ActionWorld, by: number): void {
  const { talk, sheet } = desk;
  if (sheet !== null) sheet.move(by);
  else if (talk !== null) {
    const feed = feedRowsOf(desk, talk, layout.width, Date.now());
    desk.anchor = scrolled(feed, layout.feedRows, desk.anchor, by);
  }
}
