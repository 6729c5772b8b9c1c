//! carepass on a real PostgreSQL cluster: the built binary and its commands. Not here: the store by itself (`src/store/postgres/tests`).

mod node;
