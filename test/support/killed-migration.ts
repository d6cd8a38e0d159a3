import { migrate } from "../../src/store/sqlite/migrate.js";
import { openDatabase } from "../../src/store/sqlite/sqlite.js";

/** Migrates the database named by the first argument and is killed when half of the first migration is done. */
const db = openDatabase(process.argv[2]!);
const exec = db.exec.bind(db);
db.exec = (sql) => {
  const half = sql.indexOf("CREATE TABLE", sql.length / 2);
  if (half < 0) return exec(sql);
  exec(sql.slice(0, half));
  process.kill(process.pid, "SIGKILL");
  return db;
};
migrate(db);
