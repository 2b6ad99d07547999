import { typedIn } from '../composer/commands.ts';
import { isEdit } from '../composer/text-field.ts';
import { composerTextWidth } from '../view/composer-lines.ts';
import { runCommand } from './commands.ts';
import type { ComposerAction } from '../keys/bindings.ts';
import type { Desk } from '../state/desk.ts';
import type { ActionWorld, Work } from './action-world.ts';

export function inComposer(world: ActionWorld, action: ComposerAction): Work {
  const { desk } = world;
  const { composer } = desk;
  if (isEdit(action)) return composer.edit(action, desk.names);
  switch (action) {
    case 'send':
      return send(world);
    case 'newLine':
      return composer.insert('\n', desk.names);
    case 'up':
      return move(world, -1);
    case 'down':
      return move(world, 1);
    case 'complete':
      return composer.complete() ? undefined : desk.selectNewest();
  }
}

/** What is offered stands in one row, so up and down go through it. */
function move({ desk, layout }: ActionWorld, by: -1 | 1): void {
  const { composer, talk } = desk;
  if ((composer.completion?.offers.length ?? 0) > 1) composer.nextOffer(by);
  else composer.moveRow(by, composerTextWidth(layout.width, talk?.kind ?? null));
}

async function send(world: ActionWorld): Promise<void> {
  const { desk } = world;
  const { composer, chat } = desk;
  const raw = composer.field.text;
  const typed = typedIn(composer.text);
  switch (typed.is) {
    case 'mistake':
      return chat.notices.say(typed.why, true);
    case 'command':
      composer.sent(raw);
      return runCommand(world, typed.name, typed.words);
    case 'text':
      return typed.text.trim() === '' ? undefined : say(desk, typed.text, raw);
  }
}

/** It is taken down first: until then it stays where it was typed. @param raw as it was typed */
async function say(desk: Desk, text: string, raw: string): Promise<void> {
  const { composer, chat, talk } = desk;
  if (talk === null) return chat.notices.say('Open a conversation first: Ctrl K, or /open @NAME.', true);
  const wasEditing = talk.editing !== null;
  if (!(await talk.say(text))) return;
  // Meanwhile somebody may have gone elsewhere, or typed on.
  if (desk.talk === talk && composer.field.text === raw) composer.sent(raw);
  if (wasEditing && desk.talk === talk) desk.endEditing(talk);
  talk.typing.stop();
  if (desk.talk === talk) desk.toWriting();
}
