import type { Desk } from '../state/desk.ts';
import type { SheetHost } from '../state/sheets.ts';
import type { Layout } from '../view/layout.ts';

/** What keys and commands work on. */
export interface ActionWorld {
  readonly desk: Desk;
  readonly host: SheetHost;
  /** Of the last frame. */
  readonly layout: Layout;
  readonly quit: () => void;
  readonly suspend: () => void;
  readonly redraw: () => void;
}

/** Whatever has to be waited for ends in a promise. */
export type Work = Promise<unknown> | void;
