import type { AnyOperation } from '../../perform.ts';
import { groupBearers, roleBearers, userBearers } from '../bearers.ts';
import { attachmentOperations } from './attachment-operations.ts';
import { boundaryOperations } from './boundary-operations.ts';

export const attachmentsOperations: readonly AnyOperation[] = [
  ...attachmentOperations(userBearers),
  ...attachmentOperations(groupBearers),
  ...attachmentOperations(roleBearers),
  ...boundaryOperations(userBearers),
  ...boundaryOperations(roleBearers),
];
