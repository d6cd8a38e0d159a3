export const notMeColumns = "";
