import { Type } from '@sinclair/typebox';
import type { Static } from '@sinclair/typebox';
import { KEY_CAUSES } from '../commands.ts';
import { NodeNameField, TimeField } from './fields.ts';

/** How it stands with the key that the nodes share. Null before the first. */
export const KeysReply = Type.Object({
  epoch: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  cause: Type.Union([...KEY_CAUSES.map((cause) => Type.Literal(cause)), Type.Null()]),
  since: Type.Union([TimeField, Type.Null()]),
  ageMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  /** By the clock of the leader and the settings of the node that was asked. */
  nextInMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  nodes: Type.Array(
    Type.Object({
      id: NodeNameField,
      up: Type.Boolean(),
      /** The newest that it holds the key of. */
      epoch: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
    }),
  ),
});
export type KeysJson = Static<typeof KeysReply>;
