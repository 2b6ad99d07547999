import { ParleyError } from '../protocol/errors.ts';
import { sourceOf } from './request-source.ts';
import type { FastifyRequest } from 'fastify';
import type { CommandKind, CommandOf, CommandResult } from '../protocol/commands.ts';
import type { ApiContext } from './context.ts';

type Accepted<K extends CommandKind> = Extract<CommandResult<K>, { ok: true }>['value'];

/**
 * Through the log, with the usual deadline.
 *
 * @param request given for what the audit log tells of: whence it came
 * @throws ParleyError what `apply()` rejected it with, or what kept it from the log
 */
export async function submit<K extends CommandKind>(
  context: ApiContext,
  command: CommandOf<K>,
  request?: Pick<FastifyRequest, 'raw'>,
): Promise<Accepted<K>> {
  const sent = request === undefined ? command : { ...command, source: sourceOf(context, request) };
  const result: CommandResult<K> = await context.node.submit<K>(sent, context.limits.requestDeadlineMs);
  if (result.ok) return result.value;
  throw new ParleyError(result.code, result.detail, result.data === undefined ? {} : { data: { ...result.data } });
}
