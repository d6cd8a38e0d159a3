export const routingTables = "";
