import type { Tag as ShownTag } from '@aws-sdk/client-iam';
import type { Tag } from '../../keys/key.ts';
import type { Table } from '../../store/sealed-store.ts';
import { marker, maxItems, tagKeys, tags } from '../../wire/iam-shapes.ts';
import { required, type Shape, structure } from '../../wire/shapes.ts';
import type { ConditionTable } from '../condition-table.ts';
import type { ConditionRequest, Target } from '../operation.ts';
import type { AnyOperation } from '../perform.ts';
import type { Entity } from './entity.ts';
import { listItems } from './listing.ts';
import type { IamOperation, IamPorts } from './ports.ts';
import { requestTagConditions, shownTags, type TagKeyCase, tagKeyConditions, withoutTags, withTags } from './tags.ts';

/** What can be tagged, and what differs from one kind of it to the next. */
export interface Tagged<R extends { readonly tags: readonly Tag[] }> {
  /** As the names of operations say it: Tag`User`, List`User`Tags. */
  readonly title: string;
  /** The member that names it: `UserName`, `PolicyArn`. */
  readonly member: string;
  /** Of that member. */
  readonly name: Shape<string>;
  /** Whether its tags are told by the case of their keys. */
  readonly keyCase: TagKeyCase;
  readonly table: Table<R>;
  /** Of the record within the table. */
  readonly recordName: (record: R) => string;
  readonly target: (declaration: TaggedTarget) => Target<object, Entity<R>, IamPorts>;
}

interface TaggedTarget {
  /** `iam:TagUser` */
  readonly permission: string;
  /** What the member that names it says. */
  readonly name: (input: object) => string;
  readonly conditions: ConditionTable<ConditionRequest<object, unknown>>;
}

/** Each of the requests has the name besides. */
interface TagRequest {
  readonly Tags: ShownTag[] | undefined;
}

interface UntagRequest {
  readonly TagKeys: string[] | undefined;
}

interface ListRequest {
  readonly Marker?: string;
  readonly MaxItems?: number;
}

/** Tag…, Untag… and List…Tags. */
export function tagOperations<R extends { readonly tags: readonly Tag[] }>(tagged: Tagged<R>): AnyOperation[] {
  const { title, member, keyCase, table, recordName } = tagged;
  type Targets = { tagged: Entity<R> };
  const named = { [member]: required(tagged.name) };
  const name = (input: object) => (input as Record<string, string>)[member] as string;
  const target = (operation: string, conditions: TaggedTarget['conditions'] = {}) => ({
    tagged: tagged.target({ permission: `iam:${operation}`, name, conditions }),
  });
  const shown = <T>(...members: (keyof T & string)[]) => [member as keyof T & string, ...members];

  const tag: IamOperation<TagRequest, undefined, Targets> = {
    name: `Tag${title}`,
    input: structure<TagRequest>({ ...named, Tags: required(tags) }),
    targets: target(
      `Tag${title}`,
      requestTagConditions((input) => (input as TagRequest).Tags),
    ),
    effect: 'change',
    audit: { readOnly: false, request: shown<TagRequest>('Tags') },
    async handle({ input, targets, transaction }) {
      const { record, version } = targets.tagged;
      const changed = { ...record, tags: withTags(record.tags, input.Tags, keyCase) };
      await transaction.replace<R>(table, recordName(record), changed, version);
      return undefined;
    },
  };

  const untag: IamOperation<UntagRequest, undefined, Targets> = {
    name: `Untag${title}`,
    input: structure<UntagRequest>({ ...named, TagKeys: required(tagKeys) }),
    targets: target(
      `Untag${title}`,
      tagKeyConditions((input) => (input as UntagRequest).TagKeys),
    ),
    effect: 'change',
    audit: { readOnly: false, request: shown<UntagRequest>('TagKeys') },
    async handle({ input, targets, transaction }) {
      const { record, version } = targets.tagged;
      const changed = { ...record, tags: withoutTags(record.tags, input.TagKeys, keyCase) };
      await transaction.replace<R>(table, recordName(record), changed, version);
      return undefined;
    },
  };

  const list: IamOperation<ListRequest, object, Targets> = {
    name: `List${title}Tags`,
    input: structure<ListRequest>({ ...named, Marker: marker, MaxItems: maxItems }),
    targets: target(`List${title}Tags`),
    effect: 'read',
    audit: { readOnly: true, request: shown<ListRequest>('Marker', 'MaxItems') },
    handle({ input, targets }) {
      const { items, more } = listItems(
        inOrder(targets.tagged.record.tags),
        `List${title}Tags`,
        input,
        ({ name }) => name,
      );
      return { Tags: shownTags(items), ...more };
    },
  };

  return [tag, untag, list];
}

/** Characters of a key that a marker tells, which has no room for more than 320 in base64. */
const MOST_IN_A_MARKER = 40;

/** "The returned list of tags is sorted by tag key" (API reference). Each has a name for markers that sorts as the keys do. */
function inOrder(all: readonly Tag[]): (Tag & { readonly name: string })[] {
  const sorted = all.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return sorted.map((tag, index) => {
    const beginning = [...tag.key].slice(0, MOST_IN_A_MARKER).join('');
    return { ...tag, name: `${beginning}\0${String(index).padStart(2, '0')}` };
  });
}
