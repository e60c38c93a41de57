import type { KeyIdentity } from '../../keys/key.ts';
import type { MaterialRecord } from '../../keys/material.ts';
import { materialsPrefix, materialsTable } from '../../keys/tables.ts';
import type { Reader } from '../../store/sealed-store.ts';

/** One version of a key's material, with its id and the version of its record. */
export interface StoredMaterial {
  readonly materialId: string;
  readonly record: MaterialRecord;
  readonly version: number;
}

const AT_A_TIME = 1000;

/** All versions of a key's material, in the order of their ids. Few keys have many: each took a rotation or an import. */
export async function materialsOfKey(reader: Reader, key: KeyIdentity): Promise<StoredMaterial[]> {
  const prefix = materialsPrefix(key);
  const materials: StoredMaterial[] = [];
  for (;;) {
    const last = materials.at(-1)?.materialId;
    const rows = await reader.list(materialsTable, {
      prefix,
      limit: AT_A_TIME,
      ...(last === undefined ? {} : { after: prefix + last }),
    });
    for (const { key: name, value, version } of rows) {
      materials.push({ materialId: name.slice(prefix.length), record: value, version });
    }
    if (rows.length < AT_A_TIME) return materials;
  }
}
