import { inserted } from '../composer/text-field.ts';
import { inComposer } from './in-composer.ts';
import { everywhere } from './everywhere.ts';
import { inSheet } from './in-sheet.ts';
import { onMessage } from './on-message.ts';
import type { Binding, Context } from '../keys/bindings.ts';
import type { Desk } from '../state/desk.ts';
import type { ActionWorld } from './action-world.ts';

/** Where keys go now: a sheet lies over everything else. */
export function contextOf({ sheet, selected }: Desk): Exclude<Context, 'everywhere'> {
  return sheet !== null ? 'sheet' : selected !== null ? 'messages' : 'composer';
}

/** Does what a key stands for. */
export async function act(world: ActionWorld, binding: Binding): Promise<void> {
  switch (binding.context) {
    case 'everywhere':
      await everywhere(world, binding.action);
      break;
    case 'composer':
      await inComposer(world, binding.action);
      break;
    case 'messages':
      await onMessage(world, binding.action);
      break;
    case 'sheet':
      await inSheet(world.desk, binding.action);
      break;
  }
}

/** Letters go where they are typed: into a sheet, or into the message. */
export function type(desk: Desk, text: string): void {
  if (desk.sheet !== null) desk.sheet.edit(inserted(desk.sheet.field, text.replaceAll(/\s+/g, ' ')));
  else {
    if (desk.selected !== null) desk.toWriting();
    desk.composer.insert(text, desk.names);
  }
}
