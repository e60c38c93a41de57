/**
 * The constraint language: an operation declares its input once, with these, and reading, judging and describing it are
 * derived from that.
 */
export {
  type Input,
  list,
  type Members,
  map,
  type RequiredMember,
  required,
  type Structure,
  structure,
} from './aggregate-shapes.ts';
export {
  blob,
  boolean,
  double,
  enumeration,
  integer,
  long,
  type Pattern,
  type StringLimits,
  string,
  timestamp,
} from './scalar-shapes.ts';
export type { Shape, ShapeDescription } from './shape.ts';
