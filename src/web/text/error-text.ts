import { ERRORS } from '../../protocol/errors.ts';
import type { ErrorCode, ParleyError } from '../../protocol/errors.ts';

/** Where the table's sentence speaks to programs, or to somebody at a terminal. */
const FOR_PEOPLE: Partial<Record<ErrorCode, string>> = {
  login_exists: 'This name is taken. Choose another one.',
  invite_required: 'This server takes new accounts by invitation only.',
  registration_closed: 'This server takes no new accounts.',
  cannot_connect: 'No node answers right now. Try again in a moment.',
  no_leader: 'The cluster is choosing a leader. Try again in a moment.',
  deadline_exceeded: 'That took too long. Try again.',
  no_such_request: 'No device waits with this code.',
  no_such_user: 'There is nobody of this name.',
  device_exists: 'This browser has an account already.',
  ambiguous: 'Several rooms are called like this.',
  unauthenticated: 'This device is not logged in.',
};

/** What went wrong, as people are told of it. */
export function errorText(error: ParleyError): string {
  // These say what exactly was odd about what somebody typed.
  if (error.code === 'usage' || error.code === 'home_damaged') return error.message;
  return FOR_PEOPLE[error.code] ?? ERRORS[error.code].title;
}
