import { edited } from '../composer/text-field.ts';
import type { SheetAction } from '../keys/bindings.ts';
import type { Desk } from '../state/desk.ts';
import type { Work } from './action-world.ts';

export function inSheet(desk: Desk, action: SheetAction): Work {
  const { sheet } = desk;
  if (sheet === null) return undefined;
  if (action === 'up') return sheet.move(-1);
  if (action === 'down') return sheet.move(1);
  if (action !== 'pick') return sheet.edit(edited(sheet.field, action));
  const pick = sheet.items[sheet.selected]?.pick;
  if (pick === undefined) return undefined;
  desk.closeSheet();
  return pick();
}
