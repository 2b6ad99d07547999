import { ParleyError } from '../protocol/errors.ts';
import { isAccountName } from '../protocol/ids.ts';
import { accountCalled } from './answers.ts';
import type { AccountName } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { KnownPerson } from './people.ts';

/** @throws ParleyError `no_such_user`, `user_key_changed`, `invalid_signature` */
export async function meetPerson(context: ClientContext, name: string, deadlineMs: number): Promise<KnownPerson> {
  const wanted = nameIn(name);
  const answer = accountCalled(wanted);
  const told = await context.read(`/v1/accounts/${wanted}`, answer, deadlineMs).catch((error: unknown) => {
    if (error instanceof ParleyError && error.code === 'no_such_user') {
      throw new ParleyError('no_such_user', `There is no user “${wanted}”.`);
    }
    throw error;
  });
  const [person] = await context.people.meet([told]);
  return person!;
}

/** @throws ParleyError `no_such_user` for what cannot be a name */
export function nameIn(text: string): AccountName {
  const name = text.replace(/^@/, '').toLowerCase();
  if (!isAccountName(name)) throw new ParleyError('no_such_user', `There is no user “${text}”.`);
  return name;
}
